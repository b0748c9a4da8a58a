#!/usr/bin/env node
/** Starts Sluice: the source where it is there (a clone), else what was built. Finds Node 24 where an older one was called. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
const ENVIRONMENT = { ...process.env, MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2' };
/** Room for what dies young (docs/decisions/0086-a-young-generation-of-8-mib.md): V8 takes it only when a process begins. */
const YOUNG = ['--min-semi-space-size=8', '--max-semi-space-size=8'];
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, 'src', 'main.ts');
/** What `sluice --help` prints, made by `npm run docs`: who only wants to see it need not wait for the whole program. */
const HELP = join(root, 'bin', 'help.txt');
const entry = existsSync(source) ? source : join(root, 'dist', 'src', 'main.js');

if (isHelp()) process.stdout.write(readFileSync(HELP));
else if (Number(process.versions.node.split('.')[0]) < NEEDED) runWith(newerNode());
else {
  withItsMemory();
  await import(pathToFileURL(entry).href);
}

function isHelp() {
  const [option, ...others] = process.argv.slice(2);
  const isNarrow = (process.stdout.columns ?? 80) < 80; // its lines are then broken elsewhere
  return ['--help', '-h'].includes(option) && others.length === 0 && !isNarrow && existsSync(HELP);
}

/**
 * Two things of its memory can only be told to a process before it begins, so this one begins again, as the same process.
 * glibc keeps a heap for each thread, which costs some 20 MB here and brings nothing; V8 copies the records of a page again
 * and again where they do not fit into its young generation.
 */
function withItsMemory() {
  const isYoungSaid = hasYoung(process.execArgv.join(' ')) || hasYoung(process.env.NODE_OPTIONS ?? '');
  if (process.platform !== 'linux' || !process.execve) return;
  if (isYoungSaid && process.env.MALLOC_ARENA_MAX !== undefined) return;
  process.removeAllListeners('warning'); // that execve is experimental helps nobody
  process.on('warning', () => {});
  const [, ...args] = process.argv;
  const young = isYoungSaid ? [] : YOUNG;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...young, ...args], ENVIRONMENT);
}

/** Whoever starts Node may have said another size. */
function hasYoung(options) {
  return options.includes('semi-space');
}

/** The npm package `node` brings one: in this folder, or beside it where Sluice is installed as a package. */
function newerNode() {
  const places = [join(root, 'node_modules', 'node'), join(root, '..', 'node')];
  const found = places.map((place) => join(place, 'bin', 'node')).find((path) => existsSync(path));
  if (found !== undefined) return found;
  console.error(`error: Sluice needs Node ${NEEDED} or newer; this is ${process.version}`);
  console.error('→ Install it from https://nodejs.org, or run `npm ci` in a clone, which brings its own.');
  process.exit(1);
}

function runWith(node) {
  const child = spawn(node, [...YOUNG, entry, ...process.argv.slice(2)], { stdio: 'inherit', env: ENVIRONMENT });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`error: ${node} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const each of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}
