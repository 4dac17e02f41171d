/** Limits of relays to peers (ADR 0044), as an end of a pair and as the relay of others: one sentence each. */
import { MAX_RELAY_CHANNELS, MAX_RELAY_PAIRS } from '../common/protocol.js';
import { NEIGHBOURS } from './limits.js';

/** Members that are asked at once whether they relay to a peer; when all say no, as many again as were asked before. */
export const RELAYS_ASKED = 3;
/** Members that are asked in one search. */
export const MAX_RELAYS_ASKED = 24;
/** Those of them that may make a link to the peer for it: a dead peer has none that reaches it. */
export const MAX_RELAYS_LINKING = 6;
/** When members that said no are asked again in a search: others have found a relay meanwhile. */
export const RELAY_ASK_AGAIN_MS = [500, 1_500];
/** Members that are asked again. */
export const RELAYS_ASKED_AGAIN = 8;
/** Relays that worked, for any peer, or that another member named: they are asked first. The oldest is dropped beyond this. */
export const MAX_KNOWN_RELAYS = 16;
/** How long a relay is known for that. */
export const KNOWN_RELAY_MS = 10 * 60_000;
/** Links without traffic that are probed when a path is gone, those with the newest frames. */
export const MAX_DOUBTED_LINKS = 64;
/** Links that are made to relays that other members named, at once. */
export const NAMED_RELAY_BURST = 4;
/** The same per second, sustained. */
export const NAMED_RELAYS_PER_SECOND = 0.2;
/** A peer that frames wait for has so long to answer directly, before a relay is looked for. */
export const RELAY_FRAMES_AFTER_MS = 1_000;
/** The same for a neighbour that no frame waits for. */
export const RELAY_NEIGHBOUR_AFTER_MS = 5_000;
/** The same for a link that was up, from when the peer was last heard: in time before it goes down. */
export const RELAY_SILENT_AFTER_MS = 4_000;
/** How much longer the end with the higher id waits, which is told of the relay that the other finds. */
export const RELAY_YIELD_MS = 300;
/** How long an answer to a query is waited for, and the time until a relay that makes a link is asked again. */
export const RELAY_OFFER_MS = 300;
/** How long a relay is tried before the next one is. */
export const RELAY_TRY_MS = 600;
/** Between two tries to get a channel open, or an answer on it. */
export const RELAY_REPEAT_MS = 250;
/** Searches for relays to members that this node never met and has no frames for, at once: as many as it has neighbours. */
export const STRANGER_SEARCH_BURST = NEIGHBOURS;
/** The same per second, sustained. */
export const STRANGER_SEARCHES_PER_SECOND = 0.2;
/** How long one search for a relay takes at most. */
export const RELAY_SEARCH_MS = 3_000;
/** The wait after a search that found none; doubles. */
export const RELAY_RETRY_MS = 10_000;
/** The longest wait between two searches. */
export const MAX_RELAY_RETRY_MS = 60_000;
/** A relay that failed twice within so long is not asked again for so long. */
export const RELAY_FAILED_MS = 60_000;
/** The same for one that failed once in that time, or closed the channel in use: others come before it. Less than RELAY_RETRY_MS. */
export const RELAY_CLOSED_MS = 4_000;
/** While a relay works, others are compared with it at such intervals, a fifth more or less; doubled by each one that is measured. */
export const RELAY_COMPARE_MS = 30_000;
/** The longest of them. */
export const MAX_RELAY_COMPARE_MS = 8 * 60_000;
/** A round trip of this share or less is shorter by a third. */
export const RELAY_BETTER_SHARE = 2 / 3;
/** And so much shorter it must be: within one site a move gains nothing. */
export const RELAY_GAIN_MS = 2;
/** Between two probes through a relay that may be better. */
export const RELAY_MEASURE_MS = 5_000;
/** So many answers in a row, all shorter by a third, lead to it. */
export const RELAY_MEASURED_TIMES = 4;
/** The relay before then relays so long: until the other end was told three times. */
export const RELAY_MOVED_LINGER_MS = 10_000;
/** Relays that did not work and are remembered for one peer; the oldest is dropped beyond this. */
export const MAX_FAILED_RELAYS = 8;
/** Without an answer through the relay for so long, although others are due every 5 s, it is probed every second. */
export const RELAY_DOUBT_AFTER_MS = 6_000;
/** And so long after the last answer it counts as one that drops. */
export const RELAY_LOST_AFTER_MS = 9_000;
/** Between two direct probes to a peer that is reached through a relay, the first few times. */
export const DIRECT_PROBE_MS = 10_000;
/** How many those are. */
export const DIRECT_PROBES_OFTEN = 6;
/** The same later. */
export const MAX_DIRECT_PROBE_MS = 60_000;
/** Between direct probes once one was answered. */
export const DIRECT_PROBE_AGAIN_MS = 1_000;
/** So many of them answered in a row lead back to the direct path. */
export const DIRECT_ANSWERS = 3;
/** A relay that is no longer needed relays what is on its way for so long. */
export const RELAY_LINGER_MS = 2_000;
/** Messages to a peer that say which way this node sends to it. */
export const RELAY_SAID_TIMES = 3;
/** Between two of them, and between two probes through a relay in doubt. */
export const RELAY_SAY_AGAIN_MS = 1_000;
/** Channels of this node as an end; further ones are refused. */
export const MAX_CHANNELS = MAX_RELAY_CHANNELS;
/** Those that others asked for and that are not in use: what they take leaves room for those that this node needs. */
export const MAX_CHANNELS_OF_OTHERS = 256;
/** Channels to one peer. */
export const MAX_CHANNELS_PER_PEER = 4;
/** Those through one relay. */
export const MAX_CHANNELS_PER_RELAY = 64;
/** Pairs that this node relays between; when all are taken, the member that asked for the most of them gives one up. */
export const MAX_RELAYED_PAIRS = MAX_RELAY_PAIRS;
/** Those that one member asked for. */
export const MAX_RELAYED_PAIRS_PER_MEMBER = 256;
/** A pair of which one end has not said its channel is dropped after this. */
export const RELAY_PENDING_MS = 3_000;
/** Messages about relays that are read of one peer at once: a site of some hundred nodes is cut off, and all have one relay. */
export const RELAY_BURST = 256;
/** The same per second, sustained: 0.3 % of a core. */
export const RELAYS_PER_SECOND = 64;
/** Pairs that one member opens or changes at this node at once. */
export const RELAY_OPEN_BURST = 64;
/** The same per second, sustained. */
export const RELAY_OPENS_PER_SECOND = 8;
/** The same for the other end, whoever asks: half of what it reads of this node. */
export const RELAY_TELLS_PER_SECOND = 32;
/** The same at once. */
export const RELAY_TELL_BURST = 128;
/** A channel that is not used for so long is closed, when its relay does not say so. */
export const CHANNEL_UNUSED_MS = 30_000;
/** Links that one member makes this node make as a relay, at once. */
export const RELAY_LINK_BURST = 32;
/** The same per second, sustained. */
export const RELAY_LINKS_PER_SECOND = 0.5;
