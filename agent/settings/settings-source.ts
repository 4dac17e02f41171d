/**
 * Port through which others supply settings that flags, environment and file leave open: the pod CIDRs of a Node object,
 * say. Not here: the configuration itself (`agent/config/`).
 */
import type { Config, RELOADABLE_SETTINGS } from '../../common/config.js';

export type ReloadableSetting = (typeof RELOADABLE_SETTINGS)[number];

export interface SuppliedSettings {
  readonly values: Readonly<Partial<Pick<Config, ReloadableSetting>>>;
  /** What is still missing, in words, or null: "Node worker-1 has no podCIDRs yet". */
  readonly waitingFor: string | null;
}

export interface SettingsSource {
  /** For messages: `Node worker-1`. */
  readonly name: string;
  current(): SuppliedSettings;
  /** Calls `listener` after {@link current} has changed. Returns the function that ends it. */
  onChange(listener: () => void): () => void;
}
