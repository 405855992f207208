import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PlayOptions, paceOf, parseMix, specOf } from '../src/commands/flow-options.js';
import { DEFAULT_PROFILE, type FlowProfile } from '../src/flow/flow-profile.js';
import { describeFlow } from '../src/flow/flow-spec.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'engine-sim-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function profileOf(options: Omit<PlayOptions, 'seed'>): FlowProfile {
  const spec = specOf({ ...options, seed: 4 });
  if ('file' in spec) throw new Error('it has no profile');
  expect(spec.seed).toBe(4);
  return spec.profile;
}

function profileFile(text: string): string {
  const path = join(dir, 'profile.json');
  writeFileSync(path, text);
  return path;
}

describe('the options of a flow', () => {
  it('name the default profile where they are left out, whatever the rate', () => {
    expect(profileOf({})).toEqual(DEFAULT_PROFILE);
    expect(profileOf({ rate: 5 })).toEqual(DEFAULT_PROFILE);
  });

  it('go before the profile in a file, field by field', () => {
    const profile = profileFile(
      '{"users": 7, "instruments": {"count": 3, "skew": 2}, "arrivals": {"kind": "hawkes", "branching": 0.3}}',
    );
    expect(profileOf({ profile })).toMatchObject({ users: 7, arrivals: { kind: 'hawkes', rate: 100_000 } });
    const mix = { new: 2, price: 0, quantity: 0, cancel: 2 };
    expect(profileOf({ profile, instruments: 9, users: 8, mix, rate: 50 })).toEqual({
      ...DEFAULT_PROFILE,
      users: 8,
      mix,
      instruments: { count: 9, skew: 2 },
      arrivals: { kind: 'hawkes', rate: 50, branching: 0.3, decayMs: 1 },
    });
    expect(profileOf({ profile, arrivals: 'poisson' }).arrivals).toEqual({ kind: 'poisson', rate: 100_000 });
    expect(profileOf({ profile, arrivals: 'max', rate: 50 }).arrivals).toEqual({ kind: 'max' });
  });

  it('name the file that a profile cannot be read from', () => {
    for (const text of ['{"users": 0}', '{users: 1}', '']) {
      const profile = profileFile(text);
      expect(() => profileOf({ profile })).toThrow(`${profile}: `);
    }
    expect(() => profileOf({ profile: join(dir, 'none') })).toThrow('ENOENT');
  });

  it('read weights, those that are left out being 0', () => {
    expect(parseMix('new=4,price=1,quantity=0.5,cancel=3')).toEqual({
      new: 4,
      price: 1,
      quantity: 0.5,
      cancel: 3,
    });
    expect(parseMix('cancel=3,new=3')).toEqual({ new: 3, price: 0, quantity: 0, cancel: 3 });
    for (const text of [
      '',
      'new',
      'new=',
      'new=-1',
      'new=1=2',
      'new=x',
      'toString=1',
      'new=1,',
      'modify=1',
    ]) {
      expect(() => parseMix(text)).toThrow(InvalidArgumentError);
    }
  });

  it('play arrivals with a rate in real time once a rate is given, and anything else at that rate', () => {
    const pace = (options: Omit<PlayOptions, 'seed'>) => paceOf(options, specOf({ ...options, seed: 1 }));
    expect(pace({})).toEqual({});
    expect(pace({ arrivals: 'poisson' })).toEqual({});
    expect(pace({ rate: 9 })).toEqual({ rate: 9 });
    expect(pace({ arrivals: 'max', rate: 9 })).toEqual({ rate: 9 });
    expect(pace({ arrivals: 'hawkes', rate: 9 })).toEqual({ speed: 1 });
    expect(pace({ flowIn: 'x', rate: 9 })).toEqual({ rate: 9 });
    expect(pace({ flowIn: 'x', pace: 'recorded' })).toEqual({ speed: 1 });
    expect(pace({ flowIn: 'x', pace: 'recorded', speed: 60 })).toEqual({ speed: 60 });
    expect(() => pace({ flowIn: 'x', speed: 60 })).toThrow('--speed is for --pace recorded');
  });

  it('are said in few words', () => {
    expect(describeFlow(specOf({ seed: 4 }))).toBe('seed 4');
    expect(describeFlow(specOf({ seed: 4, users: 3 }))).toBe('seed 4 and this profile');
    expect(describeFlow(specOf({ seed: 4, flowIn: 'a.flow' }))).toBe('flow file a.flow');
  });
});
