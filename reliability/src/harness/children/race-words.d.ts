export declare const RACERS: number;
export declare const Level: { readonly lock: 0; readonly recorder: 1 };
export declare const Answer: { readonly none: 0; readonly won: 1; readonly locked: 2; readonly other: 3 };

export declare class RaceWords {
  static create(file: string): RaceWords;
  static open(file: string): RaceWords;
  readonly round: number;
  readonly level: number;
  readonly racers: number;
  release: number;
  start(round: number, level: number, racers: number): void;
  answer(racer: number, round: number): number;
  setAnswer(racer: number, round: number, answer: number): void;
  released(racer: number): number;
  setReleased(racer: number, round: number): void;
}
