export interface Numbers {
  below(limit: number): number;
}
export declare const EDGES: readonly bigint[];
export declare const HEADER_KINDS: Readonly<
  Record<string, { readonly fields: readonly (readonly [offset: number, bytes: number])[] }>
>;
export declare function withField(kind: string, bytes: Uint8Array, field: number, value: bigint): Uint8Array;
export declare function frameOf(spec: {
  readonly contentSize?: bigint;
  readonly blocks: readonly {
    readonly bytes: Uint8Array;
    readonly plain?: boolean;
    readonly size?: number;
  }[];
  readonly flags?: number;
  readonly blockMax?: number;
  readonly endMark?: boolean;
}): Uint8Array;
export declare function bombBlock(bytes: number): Uint8Array;
