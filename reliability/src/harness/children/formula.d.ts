export function fillContent(words: Int32Array, base: number, id: number): void;
export function contentIsRight(words: Int32Array, base: number, id: number): boolean;
