import { createHash } from 'node:crypto';

/** Text that is put into HTML, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value as JSON that may stand in a script element: nothing in it can end one, or begin a comment. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

export interface PageParts {
  readonly title: string;
  readonly style: string;
  readonly script: string;
  /** HTML. */
  readonly body: string;
  /** For the page's script. */
  readonly data?: unknown;
  /** What else the page may do, such as `connect-src 'self'`. */
  readonly mayAlso?: string;
}

export interface Page {
  readonly html: string;
  /** What the page may do, for a header; the page has it inside, too. */
  readonly policy: string;
}

/**
 * One self-contained page. It runs the one script and uses the one style sheet that are inside, known by their hashes,
 * and loads nothing.
 */
export function makePage({ title, style, script, body, data, mayAlso }: PageParts): Page {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(script)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src data:',
    ...(mayAlso === undefined ? [] : [mayAlso]),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const json =
    data === undefined ? '' : `<script type="application/json" id="data">${scriptJson(data)}</script>\n`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
${json}<script>${script}</script>
</body>
</html>
`;
  return { html, policy };
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
