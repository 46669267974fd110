// Copies the SDK's own single-file bundle to sample_app/static, which is committed: nobody needs Node to run the shop.
//     cd sample_app/web && npm ci --ignore-scripts && npm run build
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';

const sdk = new URL('node_modules/@hyperdx/browser/', import.meta.url);
const target = new URL('../static/', import.meta.url);
const { name, version, license } = JSON.parse(readFileSync(new URL('package.json', sdk), 'utf8'));
const notice = `/*! ${name} ${version}, ${license}; see hyperdx.LICENSE.txt; contains rrweb, see rrweb.LICENSE.txt. */\n`;

writeFileSync(new URL('hyperdx.js', target), notice + readFileSync(new URL('build/index.js', sdk), 'utf8'));
copyFileSync(new URL('LICENSE', sdk), new URL('hyperdx.LICENSE.txt', target));
