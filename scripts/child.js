// @ts-check

// Child processes: one kind that has the terminal, one kind that is hidden. Neither outlives us.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** @type {NodeJS.Signals[]} */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** How long a hidden child may take to end after a stop signal, in milliseconds. */
const STOP_GRACE_MS = 5000;

/** How long a child may take to end after a Ctrl-C before we pass it on ourselves, in milliseconds. */
const SECOND_SIGINT_MS = 3000;

/**
 * @typedef {object} Ended
 * @property {number} status exit status; 128 + n where signal n ended it
 * @property {NodeJS.Signals | null} signal what ended it, or what we were asked to stop it with
 */

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
export function exitStatus(code, signal) {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal];
}

/**
 * Runs a command that takes over our stdin, stdout and stderr, and ends with it.
 * @param {string} file
 * @param {string[]} args
 * @param {string} cwd
 * @param {Record<string, string>} [env] variables besides ours
 * @returns {Promise<Ended>}
 */
export function runInForeground(file, args, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Signals | null} */
    let asked = null;
    // Before the child starts: a signal in between would end us and leave the child.
    const stopForwarding = onStopSignal((signal) => {
      asked = signal;
      // Ctrl-C reaches every process of the foreground group by itself, and a second SIGINT from us would look
      // like an impatient user. Only if the child does not end, it may have been meant for us alone.
      const delayMs = signal === 'SIGINT' && inForegroundGroup() ? SECOND_SIGINT_MS : 0;
      setTimeout(() => child.kill(signal), delayMs).unref();
    });
    const child = spawn(file, args, { cwd, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', (error) => {
      stopForwarding();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      stopForwarding();
      resolve({ status: exitStatus(code, signal), signal: signal ?? asked });
    });
  });
}

/**
 * Runs a command without stdin whose output nobody sees unless it fails. It gets a process group of its own, so
 * that a stop signal ends it with all its descendants.
 * @param {string} file
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, onLine: (line: string) => void }} options `onLine` sees
 *   each complete line of the output
 * @returns {Promise<Ended & { output: string }>} output: stdout and stderr as they came
 */
export function runHidden(file, args, { cwd, env, onLine }) {
  return new Promise((resolve, reject) => {
    /** @type {NodeJS.Signals | null} */
    let asked = null;
    /** @type {NodeJS.Timeout | undefined} */
    let killTimer;
    let output = '';
    let lineStart = 0;
    const stopForwarding = onStopSignal((signal) => {
      asked = signal;
      killGroup(child.pid, signal);
      killTimer ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), STOP_GRACE_MS);
    });
    const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        for (;;) {
          const lineEnd = output.indexOf('\n', lineStart);
          if (lineEnd < 0) break;
          onLine(output.slice(lineStart, lineEnd));
          lineStart = lineEnd + 1;
        }
      });
    }
    child.on('error', (error) => {
      stopForwarding();
      reject(error);
    });
    child.on('close', (code, signal) => {
      stopForwarding();
      clearTimeout(killTimer);
      // A tool that catches the signal and exits by a status of its own was stopped all the same.
      const endedBy = asked ?? signal;
      if (asked !== null) killGroup(child.pid, 'SIGKILL');
      resolve({ status: exitStatus(code, endedBy), signal: endedBy, output });
    });
  });
}

/**
 * Keeps stop signals from ending this process.
 * @param {(signal: NodeJS.Signals) => void} listener
 * @returns {() => void} removes the listeners
 */
export function onStopSignal(listener) {
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}

/**
 * @param {number | undefined} pid the group's leader
 * @param {NodeJS.Signals} signal
 */
function killGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Whether the terminal sends its signals to our process group. */
function inForegroundGroup() {
  try {
    // "pid (name) state ppid pgrp session tty_nr tpgid ...", and the name may hold blanks and parentheses
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    return Boolean(process.stdin.isTTY); // no /proc: a guess that is right outside of job control
  }
}
