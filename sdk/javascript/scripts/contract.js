//! The package brings the contract: `copy` puts it beside the code before it is packed, `remove` takes
//! it away. In the repository it lies at its root alone.

import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const here = new URL('../', import.meta.url);
const copy = fileURLToPath(new URL('wit', here));

await rm(copy, { recursive: true, force: true });
if (process.argv[2] === 'copy') {
  await cp(fileURLToPath(new URL('../../wit', here)), copy, { recursive: true });
}
