/**
 * Limits of the mesh core, one sentence each. The first block is protocol that only mesh cores read: both ends must agree on
 * it. What the router must agree on too is in `common/protocol.ts`. The second block is tuning: a node may change it alone.
 */
import { MAX_PEERS, MAX_SESSIONS } from '../common/protocol.js';

// Specification (docs/wire.md).

/** The version that both sides of a handshake must speak. */
export const PROTOCOL_VERSION = 2;
/** Mixed into every handshake, so that messages of another protocol do not authenticate. */
export const PROLOGUE = 'heddle/2';
/** Length of an initiation datagram: at least that of its response, so that a replay is not amplified. */
export const INITIATION_BYTES = 1100;
/** The longest encoded advert that is read. */
export const MAX_ADVERT_BYTES = 2560;
/** An advert's body up to this size lets a response be no longer than an initiation, and pass every path unfragmented. */
export const ADVERT_FIT_BYTES = 800;
/** Endpoints in one advert. */
export const MAX_ADVERT_ENDPOINTS = 16;
/** Characters of a node's name, as of a DNS name. */
export const MAX_NAME_LENGTH = 253;
/** Characters of the software version in an advert. */
export const MAX_VERSION_LENGTH = 64;
/** Entries of one digest. */
export const MAX_DIGEST_ENTRIES = 1024;
/** Buckets of adverts whose hashes are compared. */
export const BUCKETS = 128;
/** Bytes of the hash of one bucket. */
export const BUCKET_HASH_BYTES = 8;
/** Adverts in one message. */
export const MAX_ADVERTS_PER_MESSAGE = 256;
/** Reports of deaths in one message. */
export const MAX_DEATHS_PER_MESSAGE = 64;
/** Links in one links message. */
export const MAX_LINKS_PER_MESSAGE = 64;
/** Pods in one links message. */
export const MAX_PODS_PER_MESSAGE = 256;
/** Characters of a pod's name with its namespace, as Kubernetes bounds them (63 and 253). */
export const MAX_POD_NAME_LENGTH = 317;
/** Addresses of one pod in a links message. */
export const MAX_POD_ADDRESSES = 16;
/** Characters of a cipher's name. */
export const MAX_CIPHER_NAME_LENGTH = 64;
/** The smallest path MTU that is ever assumed (RFC 8899, BASE_PLPMTU, section 5.1.2). */
export const BASE_MTU_BYTES = 1200;
/** Common MTUs that the search steps through: IPv6 minimum, tunnels, WireGuard, PPPoE-like, Ethernet, two jumbo sizes. */
export const MTU_STEPS_BYTES = [1280, 1400, 1420, 1460, 1500, 8900, 9000] as const;

// Tuning.

/** Members known at once; adverts of further ones are refused. */
export const MAX_MEMBERS = MAX_PEERS;
/** After this time in the cluster a node does not believe a new member to be older than its first advert. */
export const WITNESS_AFTER_MS = 10 * 60_000;
/** Members that a node probes, gossips and compares adverts with, if there are more: those next to it on NEIGHBOURS / 2 rings. */
export const NEIGHBOURS = 16;
/** With fewer linked neighbours a node gossips with other linked peers too. */
export const FEW_NEIGHBOURS = 8;
/** Members known from adverts alone, without a handshake; adverts of further ones are refused unread. */
export const MAX_UNPROVEN_MEMBERS = 6144;
/** Those of them that one peer has introduced, or as many as are known without it if those are more. */
export const MAX_UNPROVEN_PER_SENDER = 512;
/** A member that never had a handshake with this node is forgotten when down for this long. */
export const FORGET_UNPROVEN_AFTER_MS = 10 * 60_000;
/** Adverts that are read of one peer at once: the answers to one digest. As many as there are members if those are more. */
export const ADVERT_BURST = 1024;
/** The same per second, sustained. */
export const ADVERTS_PER_SECOND = 100;
/** Digests of one peer that are answered at once, and the same for pulls. */
export const DIGEST_BURST = 8;
/** The same per second, sustained. */
export const DIGESTS_PER_SECOND = 1;
/** Nodes about which a decision is kept; the oldest decision is dropped beyond this. */
export const MAX_REVOCATIONS = 1024;
/** Nodes that the decisions of one member keep out at most. */
export const MAX_REVOKED_PER_ISSUER = 16;
/** Messages of decisions that are read of one peer at once: all that one member decides, each passed on by itself, and digests. */
export const REVOCATIONS_BURST = 24;
/** Changes of nodes by the authority in one message. */
export const MAX_NODE_CHANGES_PER_MESSAGE = 32;
/** Nodes that watch the authority: one that is slow or of ill will does not matter. */
export const WATCHERS = 3;
/** Time between two looks at who is to watch. */
export const WATCH_DUTY_INTERVAL_MS = 5_000;
/** A node begins or ends to watch when it has been due for so long: after a start of all nodes, not all list all nodes. */
export const WATCH_DUTY_AFTER_MS = 30_000;
/** Peers that a change of a node is pushed to; digests carry it to the rest. */
export const NODE_CHANGE_FANOUT = 8;
/** Changes seen within a short time go in one message. */
export const NODE_CHANGE_SPREAD_MS = 250;
/** Changes remembered so that each is passed on once, and changes waiting; the oldest is dropped beyond this. */
export const MAX_NODE_CHANGES = 1024;
/** How long a change goes with digests. */
export const NODE_CHANGE_AGE_MS = 60_000;
/** How long it is not taken for a new one: a node that learned of it late still tells of it when others have ended. */
export const NODE_CHANGE_KNOWN_MS = 600_000;
/** Messages of changes that are read of one peer at once. */
export const NODE_CHANGE_BURST = 16;
/** The same per second, sustained. */
export const NODE_CHANGES_PER_SECOND = 8;
/** After a change a node asks the authority within so long for each member: the nodes do not ask at once. */
export const ASK_SPREAD_PER_MEMBER_MS = 1.5;
/** Questions to the authority after changes, at once. */
export const ASK_CHANGED_BURST = 8;
/** The same per second, sustained. */
export const ASK_CHANGED_PER_SECOND = 0.5;
/** A claim outside the cluster CIDRs leads to a question about its node at most so often. */
export const ASK_OUTSIDE_AGAIN_MS = 60_000;
/** Decisions in one message. */
export const MAX_REVOCATIONS_PER_MESSAGE = 32;
/** Bytes of one encoded revocation. */
export const MAX_REVOCATION_BYTES = 512;
/** How far a decision may be ahead of this node's wall clock: a later one would be hard to replace. */
export const MAX_REVOCATION_AHEAD_MS = 10 * 60_000;
/** A member not heard of for this long, while its link is down, is forgotten. */
export const FORGET_AFTER_MS = 24 * 3_600_000;
/** A node signs a new advert at least this often, so that members without a link to it do not forget it. */
export const ADVERT_REFRESH_MS = 3_600_000;
/** Shortest time between two adverts that a node signs. */
export const ADVERT_MIN_INTERVAL_MS = 200;
/** Peers that a new advert is pushed to at once; digests carry it to the rest. */
export const GOSSIP_FANOUT = 6;
/** The same for a batch of more than FEW_ADVERTS, when many nodes start: pushes of others bring the rest, and digests. */
export const GOSSIP_FANOUT_OF_MANY = 3;
export const FEW_ADVERTS = 16;
/** Time between two pushes; the first advert after so long is pushed at once. */
export const PUSH_INTERVAL_MS = 250;
/**
 * Adverts are compared with a peer whose link came up, unless they were with another so shortly before; and so long after the last of
 * many new ones.
 */
export const COMPARE_LINKED_MS = 1_000;
/** So many comparisons in a row that bring nothing of what this node lacks end those at a start. */
export const MAX_FRUITLESS = 8;
/** Adverts up to which all are listed in a digest; of more, the hashes of their buckets are sent. */
export const SMALL_DIGEST_ENTRIES = 32;
/** Mean time between two digests. */
export const ANTI_ENTROPY_MS = 5_000;
/** Reports of different neighbours that take a member down. */
export const DEATH_CONFIRMATIONS = 2;
/** How long a report of a death goes with digests. */
export const DEATH_AGE_MS = 60_000;
/** From so long on, reports are looked at again whether their observers may still report the member. */
export const DEATH_DOUBTED_AFTER_MS = 15_000;
/** Members of which that is done beside one digest. */
export const DEATHS_DOUBTED_AT_ONCE = 8;
/** Reports of deaths waiting to be pushed; the oldest is dropped beyond this, and digests carry it. */
export const MAX_PENDING_DEATHS = 4096;
/** Messages with reports of deaths that are read of one peer at once. */
export const DEATHS_BURST = 32;
/** The same per second, sustained. */
export const DEATHS_PER_SECOND = 8;
/** New adverts that the reports of one observer about this node lead to, at once. */
export const REFUTATION_BURST = 2;
/** The same per second, sustained: once in 30 s. */
export const REFUTATIONS_PER_SECOND = 1 / 30;
/** Adverts waiting to be pushed; the oldest is dropped beyond this, and digests carry it. */
export const MAX_PENDING_ADVERTS = 1024;

/** Last session slot; slot 0 is never used. */
export const MAX_SESSION_SLOT = MAX_SESSIONS - 1;
/** Responder handshakes that wait for a confirmation. */
export const MAX_PENDING_RESPONSES = 1024;
/** An authority is asked about a node at most so often, whatever the node sends. */
export const ASK_AGAIN_MS = 10_000;
/** So often a node that is refused is asked about before the wait doubles: a new node may dial before its key is published. */
export const ASK_REFUSED_AT_FIRST = 6;
/** Nodes that the authority refused and that are remembered; the oldest is dropped beyond this and asked about again. */
export const MAX_REFUSED_NODES = 1024;
/** Nodes that have finished a handshake and wait for the authority's answer; the oldest is dropped beyond this. */
export const MAX_WAITING_NODES = 256;
/** The longest wait between two questions about a node that is refused. */
export const MAX_ASK_REFUSED_MS = 320_000;
/** And about a node whose link is used, after so long, up to half of it more. */
export const ASK_USED_MS = 600_000;
/** An answer from before this process started is asked for again on the first use after so long: not all nodes at once. */
export const ASK_UNUSED_MS = 5_000;
/** How long a responder waits for the confirmation, and how long an initiator repeats one initiation. */
export const HANDSHAKE_LIFETIME_MS = 10_000;
/** How long an initiator repeats the confirmation before it removes the new session. */
export const CONFIRM_WITHIN_MS = 10_000;
/** How long an unconfirmed first session stays active when the peer has confirmed another one. */
export const CONFIRM_YIELD_MS = 2_000;
/** First wait before the confirmation is repeated; doubles. */
export const CONFIRM_RETRY_MS = 100;
/**
 * At the first repeat after this time frames wait again that followed the first confirmation at once: the peer keeps them no longer
 * than a second.
 */
export const EARLY_FRAMES_MS = 500;
/** Longest wait between repeats of the confirmation. */
export const MAX_CONFIRM_RETRY_MS = 1_000;
/** Initiations with a good MAC that are read of one source address in a burst: of all nodes behind a NAT. */
export const READ_BURST = 200;
/** The same per second, sustained: 2 % of a core. */
export const READ_PER_SECOND = 100;
/** Initiations that are read per second of all addresses together, sustained: 6 % of a core. */
export const READ_OF_ALL_PER_SECOND = 200;
/** The same in a burst. */
export const READ_OF_ALL_BURST = 1_000;
/** Those read beyond that of addresses of members, and as many of addresses with a cookie: sources can be forged. */
export const READ_OF_MEMBERS_PER_SECOND = 200;
/** The same in a burst. */
export const READ_OF_MEMBERS_BURST = 1_000;
/**
 * Cookies sent per second, sustained and at once, for initiations that are not read or not of a proven address: 16 % of a core; shorter
 * than what they answer.
 */
export const COOKIES_PER_SECOND = 4_000;
/** How old the list of the members' addresses may be, which is made only while more initiations come than are read. */
export const MEMBER_ADDRESSES_AGE_MS = 5_000;
/** Initiations with a cookie in a burst from one source address: of nodes that are not known, and those read beyond READ_PER_SECOND. */
export const SOURCE_BURST = 20;
/** The same per second, sustained. */
export const SOURCE_PER_SECOND = 5;
/** Source addresses whose rate is remembered; the oldest is dropped beyond this. */
export const MAX_SOURCES = 4096;
/** Initiations of unproven nodes with a cookie, from all sources, that are responded to per second. */
export const UNPROVEN_PER_SECOND = 20;
/** The same in a burst. */
export const UNPROVEN_BURST = 50;
/** Initiations of one member per second, sustained; the burst is SOURCE_BURST. */
export const MEMBER_PER_SECOND = 5;
/** Frames wait so long since the router last said so: as long as it keeps them. */
export const FRAMES_WAIT_MS = 3_000;
/** Handshakes that members started and that wait for a confirmation, after which initiators are told to wait; half are for those with frames. */
export const MAX_PLACES = 64;
/** The same from one address. */
export const MAX_PLACES_PER_ADDRESS = 16;
/** How long a handshake that is not confirmed holds its place. */
export const PLACE_MS = 3_000;
/** How long such a member is one that did not confirm. */
export const UNCONFIRMED_MS = 60_000;
/** One that did not confirm gets a place only while fewer than these are taken. */
export const MAX_PLACES_OF_UNCONFIRMED = 16;
/** Between two initiators that were told to wait: one of 500 costs 4.9 ms of a core with all that follows, 20 ms of a quarter. */
export const HERD_INTERVAL_MS = 20;
/** The longest that an initiator is told to wait, and the longest that it does: less than HANDSHAKE_LIFETIME_MS. */
export const MAX_HERD_WAIT_MS = 8_000;
/** A member is believed so often at once that frames wait: three handshakes, told to wait and back. */
export const FIRST_BURST = 6;
/** The same per second, sustained. */
export const FIRST_PER_SECOND = 1 / 15;
/** Cookies sent per second to members, sustained and at once: 3 % of a core. */
export const MEMBER_COOKIES_PER_SECOND = 500;
/** Distance of a restarted node's stamps from the last one on disk: more than are used until a write is done. */
export const STAMP_RESERVE = 10_000;
/** Initiations remembered so that a replay costs no curve operation; the oldest is dropped beyond this. */
export const MAX_SEEN_INITIATIONS = 8192;
/** Time between two changes of the secret behind cookies; cookies of the secret before are still accepted. */
export const COOKIE_LIFETIME_MS = 120_000;
/** Addresses of one dial from which a cookie is taken. */
export const MAX_DIALED_ADDRESSES = 32;
/** Cookies kept for use at once; the oldest is dropped beyond this. */
export const MAX_COOKIES = 1024;
/** How long an initiator sends a cookie that it received. */
export const COOKIE_USE_MS = 120_000;

/** How long the node with the higher id waits before it dials a new neighbour, which dials it meanwhile. */
export const DIAL_YIELD_MS = 250;
/** How long after its first initiation to a node the one with the lower id takes no initiation of that node. */
export const CROSSING_MS = 500;
/** First wait between two tries to reach a node; doubles. */
export const DIAL_RETRY_MS = 100;
/** Longest wait between tries to reach a node that was alive lately. */
export const MAX_DIAL_RETRY_MS = 5_000;
/** Longest wait between tries to reach a node that is long dead. */
export const MAX_DEAD_DIAL_RETRY_MS = 30_000;
/** A node down for this long is long dead. */
export const LONG_DEAD_AFTER_MS = 10 * 60_000;
/** Addresses of one node that one try sends to. */
export const DIAL_ADDRESSES_PER_TRY = 4;
/** Initiations at once to an address that nobody has answered from: the first 6 s of one dial. */
export const ADDRESS_DIAL_BURST = 6;
/** The same per second, sustained; the longest wait for a node that was alive lately needs less. */
export const ADDRESS_DIALS_PER_SECOND = 0.5;
/** Initiations at once to all members that never had a handshake with this node. */
export const UNPROVEN_DIAL_BURST = 200;
/** The same per second, sustained. */
export const UNPROVEN_DIALS_PER_SECOND = 50;
/** Configured seeds that are used; further ones are ignored with a notice. */
export const MAX_SEEDS = 64;

/** Time without a frame after which nothing is sent on a data link: longer than it takes to find a dead peer. */
export const QUIET_AFTER_MS = 10_000;
/** The router says that frames leave without anything heard: it counts when this node has heard nothing for so long either. */
export const UNHEARD_AFTER_MS = 1_500;
/** Such a peer is dialled after so long without an answer. */
export const UNANSWERED_DIAL_MS = 500;
/** When peers see this node at another address, quiet links are probed, at most so often. */
export const TOUCH_INTERVAL_MS = 10_000;
/** Time without a frame after which a data link is closed. */
export const CLOSE_AFTER_MS = 15 * 60_000;
/** The node with the higher id closes this much later, so that as a rule one of the two does. */
export const CLOSE_STAGGER_MS = 60_000;
/** Links to peers that are no neighbours; beyond it the one without a frame for the longest time is closed. */
export const MAX_DATA_LINKS = 4096;
/** How long a peer without neighbourhood that does not answer is dialled, before only a frame makes this node try again. */
export const DIAL_DOWN_MS = 60_000;
/** Time between two looks at who is a neighbour, and what each member adds: of 5000 that start, all are known within seconds. */
export const NEIGHBOURS_INTERVAL_MS = 250;
export const NEIGHBOURS_INTERVAL_PER_MEMBER_MS = 0.5;
/** A look is put off when so large a share of the members is new since the last one, so often in a row at most. */
export const GROWING_SHARE = 1 / 4;
export const MAX_GROWTHS = 8;
/** A node that has joined makes links to the other seeds within so long for each member: all may have started at once. */
export const SEED_SPREAD_PER_MEMBER_MS = 60;
/** Time between two tries of a node without any linked neighbour to find others, and the members that each tries. */
export const LONELY_INTERVAL_MS = 1_000;
export const LONELY_DIALS = 4;

/** Time between liveness probes while a link is silent. */
export const PROBE_INTERVAL_MS = 1_000;
/** Time between round-trip measurements while traffic keeps the link up. */
export const RTT_PROBE_INTERVAL_MS = 5_000;
/** Answers to liveness probes whose median is the round trip of a link. */
export const ROUND_TRIP_SAMPLES = 8;
/** Whole size of a liveness probe's IP packet. */
export const LIVENESS_PROBE_BYTES = 128;
/** Silence after which a link is stale: two probes missed. */
export const STALE_AFTER_MS = 3_000;
/** Silence after which a link is down: a dead node is known in less than 10 s. */
export const DOWN_AFTER_MS = 6_000;
/** Time from the start of this node, or the loss of its router, until a silent peer's link is down. */
export const START_GRACE_MS = 10_000;
/** Time for the first handshake with a member, after which its link is down. */
export const CONNECT_WITHIN_MS = 10_000;
/** A tick that is later than this means that this process was paused; peers are not down for that. */
export const PAUSE_MS = 1_000;

/** Work that is done so late shows that this node is short of processor time: more than the time between two ticks. */
export const LAG_NOTED_MS = 400;
/** How long the worst lag counts. */
export const LAG_MEMORY_MS = 30_000;
/** Time that a link may take longer to go down, for each ms of lag: a probe and its answer wait twice on each side. */
export const GRACE_PER_LAG = 4;
/** The most of it: a dead node is known in less than 30 s, also by a node that is late. */
export const MAX_GRACE_MS = 20_000;

/** Tries per size in the path-MTU search (RFC 8899, MAX_PROBES). */
export const MTU_TRIES = 3;
/** Shortest wait for the answer to one path-MTU probe. */
export const MTU_TRY_MS = 100;
/** Time between two probes that confirm the current path MTU. */
export const MTU_CONFIRM_MS = 15_000;
/** Wait for the answer to a confirming probe. */
export const MTU_CONFIRM_TRY_MS = 500;
/**
 * Time after which a larger path MTU is looked for again (RFC 8899, PMTU_RAISE_TIMER): sooner after a search than the RFC says, which
 * may have lost its probes to the load of a start, then each time twice as long, up to the RFC's time.
 */
export const MTU_FIRST_RAISE_MS = 30_000;
export const MTU_RAISE_MS = 600_000;

/** Bytes of the pods in a links message; leaves room for the links in MAX_CONTROL_BYTES (64 of 123 bytes). */
export const MAX_POD_LIST_BYTES = 48 * 1024;
/** Peers asked for their links in one round. */
export const MAX_TOPOLOGY_PEERS = 64;
/** Time between two rounds. */
export const TOPOLOGY_INTERVAL_MS = 2_000;
/** Time between two queries while nobody watches: one peer at a time, so that the pods of a node that dies are known. */
export const PODS_INTERVAL_MS = 2_000;
/** The same while some linked peer was never asked. */
export const FIRST_PODS_INTERVAL_MS = 200;
/** Nodes whose last reported pods are kept, at most MAX_POD_LIST_BYTES each; the oldest report is dropped beyond this. */
export const MAX_POD_REPORTS = 512;
/** A remote link not reported for this long is dropped. */
export const TOPOLOGY_AGE_MS = 10_000;
/** Shortest time between two links messages to one peer. */
export const LINKS_ANSWER_INTERVAL_MS = 1_000;

/** Source addresses whose last refused handshake is kept for people; the oldest is dropped beyond this. */
export const MAX_REFUSED_SOURCES = 64;
/** Time after which a refused handshake is no longer shown. */
export const REFUSAL_AGE_MS = 120_000;

/** Refused messages of one kind within NOTICE_INTERVAL_MS after which a notice names the member that sent them. */
export const FEW_REFUSALS = 64;
/** The same for what honest nodes pass on in numbers when many nodes start or die at once. */
export const MANY_REFUSALS = 256;
/** The same notice is repeated at most this often. */
export const NOTICE_INTERVAL_MS = 60_000;
/** Notices whose last time is remembered; the oldest is dropped beyond this. */
export const MAX_NOTICES = 256;
/** Notices of all kinds within that time; further ones are held back. */
export const MAX_NOTICES_PER_INTERVAL = 100;
/** The first ones of each message within that time are not: who causes many of one kind shall not hide another kind. */
export const NOTICES_OF_EACH_MESSAGE = 8;
/** The same of each message and member that this node has met: one member shall not hide another. */
export const NOTICES_OF_EACH_MEMBER = 2;
/** Members of each message, and messages, beyond which members are not told apart so: then each message has its first ones only. */
export const MAX_NOTICE_GROUPS = 256;
