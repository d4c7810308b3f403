//! A plugin's file and this package as one source, and that as a component.

import { basename, dirname } from 'node:path';
import { componentize } from '@bytecodealliance/componentize-js';
import { build } from 'esbuild';

const FEATURES = ['clocks', 'http', 'random', 'stdio'];

/**
 * The bytes of a component of the plugin in `file`, for the world `world` of the contract in the
 * folder `wit`. `features` are those of the runtime that are kept, of clocks, http, random and stdio.
 */
export async function buildPlugin({ file, wit, world, features = [] }) {
  const unknown = features.find((feature) => !FEATURES.includes(feature));
  if (unknown !== undefined) {
    throw new Error(`there is no feature '${unknown}'; there are: ${FEATURES.join(', ')}`);
  }
  const source = await bundle(file);
  const { component } = await componentize(source, {
    witPath: wit,
    worldName: world,
    disableFeatures: [...FEATURES.filter((feature) => !features.includes(feature)), 'fetch-event'],
  });
  return component;
}

/** One ES module without imports but those of the contract. */
async function bundle(file) {
  const { outputFiles } = await build({
    stdin: {
      contents: `import plugin from ${JSON.stringify(`./${basename(file)}`)};
        export const { scalar, table, aggregate, process } = plugin;`,
      resolveDir: dirname(file),
      sourcefile: 'exports.js',
    },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['wasmill', 'module'],
    external: ['wasmill:*'],
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}
