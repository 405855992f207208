export declare const Phase: { readonly opening: 0; readonly recording: 1; readonly done: 2 };

export declare class Marks {
  static create(file: string): Marks;
  static open(file: string): Marks;
  phase: number;
  base: number;
  returned: number;
  durable: number;
  held: number;
}
