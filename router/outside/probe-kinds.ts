/** First byte of a probe unit (wire type 7). Append-only. */
export const KIND_PROBE = 0;
export const KIND_ANSWER = 1;
export const KIND_REPORT = 2;
