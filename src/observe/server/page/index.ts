/** The status page: one file without a build step, and with nothing from elsewhere. */
import { createHash } from 'node:crypto';
import { pageScript } from './script.ts';
import { STYLE } from './style.ts';

export interface StatusPage {
  html: string;
  /** What a browser lets the page do: run this very script, use this very style, and ask this very server. */
  headers: Record<string, string>;
}

/** `canAct`: whether there is a token, with which somebody may pause and cancel. */
export function statusPage(canAct: boolean): StatusPage {
  const script = `(${pageScript.toString()})()`;
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(STYLE)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    html: htmlOf(script, canAct),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy.join('; '),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    },
  };
}

function htmlOf(script: string, canAct: boolean): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<style>${STYLE}</style>
</head>
<body data-can-act="${canAct}">
<a class="skip" href="#streams">Skip to the streams</a>
<header>
<h1>Sluice</h1>
<span id="state" class="state">…</span>
<span id="version" class="soft"></span>
<span id="updated" class="soft"></span>
<p id="connection" role="status" hidden></p>
<p id="news" role="status" class="skip"></p>
</header>
<main>
<section aria-labelledby="attention-title">
<h2 id="attention-title">What needs attention</h2>
<ul id="attention" class="plain"></ul>
<p id="well" class="card" hidden>Nothing: every stream is healthy.</p>
</section>
<section id="jobs-section" aria-labelledby="jobs-title" hidden>
<h2 id="jobs-title">Jobs</h2>
<div id="jobs"></div>
</section>
<section id="streams" aria-labelledby="streams-title" tabindex="-1">
<h2 id="streams-title">Streams</h2>
<div id="stream-list"></div>
</section>
<section aria-labelledby="sources-title">
<h2 id="sources-title">Sources</h2>
<div id="sources"></div>
</section>
<section aria-labelledby="sinks-title">
<h2 id="sinks-title">Sinks</h2>
<div id="sinks"></div>
</section>
<section aria-labelledby="act-title">
<h2 id="act-title">Pause and cancel</h2>
<p id="cannot-act" class="card" hidden>This page only shows: \`health.token\` is not set in the config. \`sluice pause\` and \`sluice jobs cancel\` do it from a terminal.</p>
<form id="act" class="card" hidden>
<label for="token">Token (<code>health.token</code>), kept until this page is left</label><br>
<input id="token" type="password" autocomplete="off" spellcheck="false">
<p id="acted" role="status"></p>
</form>
</section>
</main>
<footer class="soft"><p>Times are those of this browser. <a href="/api/status">As JSON</a> · <a href="/metrics">metrics</a></p></footer>
<script>${script}</script>
</body>
</html>
`;
}
