#!/usr/bin/env node
//! Builds a plugin's file, JavaScript or TypeScript, into a component.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildPlugin } from '../build/component.js';

const USAGE = `Usage: wasmill-build PLUGIN.js -o PLUGIN.wasm [OPTIONS]

PLUGIN.js (or .ts) exports what \`plugin(…)\` gives as its default.

  -o, --output FILE  where the component goes
  --world NAME       the world of the contract (plugin)
  --wit FOLDER       the contract (the one of this package)
  --with FEATURES    what of the runtime is kept, each with imports of its own:
                     clocks, http, random, stdio, separated by commas (none)
`;

const options = {
  output: { type: 'string', short: 'o' },
  world: { type: 'string', default: 'plugin' },
  wit: { type: 'string' },
  with: { type: 'string', default: '' },
  help: { type: 'boolean', short: 'h', default: false },
};

function wit() {
  // In a package it lies beside the code, in wasmill's repository at its root.
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = [resolve(here, '../wit'), resolve(here, '../../../wit')];
  const found = folders.find((folder) => existsSync(folder));
  if (found === undefined) throw new Error(`there is no folder ${folders[0]}: name one with --wit`);
  return found;
}

async function main() {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return void process.stdout.write(USAGE);
  const [file] = positionals;
  if (positionals.length !== 1 || values.output === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const component = await buildPlugin({
    file: resolve(file),
    wit: values.wit ?? wit(),
    world: values.world,
    features: values.with.split(',').filter((feature) => feature !== ''),
  });
  await writeFile(values.output, component);
  const mebibytes = (component.length / 2 ** 20).toFixed(1);
  process.stdout.write(`${values.output}: ${mebibytes} MiB\n`);
}

main().catch((error) => {
  process.stderr.write(`error: ${error.message ?? error}\n`);
  process.exitCode = 1;
});
