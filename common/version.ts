/** Version of Heddle, as `--version` prints it and adverts and the API hold it. */
export const HEDDLE_VERSION = '0.2.0';
