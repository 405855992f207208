/** A command line of which the parts are right, but not together. */
export class UsageError extends Error {}
