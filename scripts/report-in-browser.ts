/**
 * Opens a report in Debian's `chromium`, light and dark: lets axe-core look at it, and takes a picture beside it.
 * `node scripts/report-in-browser.ts sluice-report.html`
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [report = 'sluice-report.html'] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LOOK = `axe.run().then((found) => {
  const element = document.createElement('pre');
  element.id = 'axe';
  element.textContent = JSON.stringify(found.violations.map(({ id, nodes }) => id + ': ' + nodes[0].html));
  document.body.append(element);
})`;
const SCHEMES = { light: '--blink-settings=preferredColorScheme=1', dark: '--blink-settings=preferredColorScheme=0' };

const folder = mkdtempSync(join(tmpdir(), 'sluice-report-'));
try {
  const page = join(folder, 'with-axe.html');
  const scripts = `<script>${axe}</script><script>${LOOK}</script></body>`;
  writeFileSync(
    page,
    readFileSync(report, 'utf8').replace('</body>', () => scripts),
  );
  for (const [scheme, flag] of Object.entries(SCHEMES)) {
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', flag];
    const open = (...more: string[]) =>
      execFileSync('chromium', [...flags, ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const shown = open('--window-size=1400,9000', '--virtual-time-budget=10000', '--dump-dom', `file://${page}`);
    const [, found] = /<pre id="axe">(.*?)<\/pre>/s.exec(shown) ?? [];
    const picture = `${report.replace(/\.html$/, '')}-${scheme}.png`;
    open('--window-size=1100,1900', `--screenshot=${resolve(picture)}`, `file://${resolve(report)}`);
    console.log(
      `${scheme}: ${found === '[]' ? 'axe-core finds nothing' : `axe-core finds ${found ?? 'no end'}`}; ${picture}`,
    );
    if (found !== '[]') process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
