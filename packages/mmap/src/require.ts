/** `require` of this package, or what a test puts in its place. Native modules are loaded when asked for, not before. */
export type Require = (name: string) => unknown;
