/** Remembers secrets, and the forms in which they may come back: unchanged, in JSON, in a URL, in HTML, in Base64, in hex. */
import { type SecretParts, SHORTEST_PART, secretParts } from './secret-parts.ts';

/** Shorter values would blot out ordinary text. */
export const SHORTEST = 6;

/** Remembers the most recent secrets: tokens come and go. */
export interface Vault {
  protect(secret: string): void;
  /** The forms that are looked for as a whole, the longest first: a secret may contain another one. */
  needles(): readonly string[];
  parts: SecretParts;
}

interface Generation {
  secrets: Set<string>;
  characters: number;
  needles: string[];
}

/** Remembers so many characters at least, and twice as many at most. */
export function openVault(mostCharacters: number): Vault {
  const fresh = (): Generation => ({ secrets: new Set(), characters: 0, needles: [] });
  let young = fresh();
  let old = fresh();
  let needles: string[] = [];
  const parts = secretParts();
  const protect = (secret: string): void => {
    if (secret.length < SHORTEST || young.secrets.has(secret)) return;
    if (young.characters > 0 && young.characters + secret.length > mostCharacters) {
      [young, old] = [fresh(), young];
      parts.turn();
    }
    young.secrets.add(secret);
    young.characters += secret.length;
    const forms = spellings(secret);
    if (secret.length < SHORTEST_PART) young.needles.push(...forms);
    else {
      young.needles.push(...jsonOf(secret));
      for (const form of forms) parts.add(form);
    }
    const all = new Set([...young.needles, ...old.needles]);
    needles = [...all].sort((one, other) => other.length - one.length);
    const inner = keyIn(secret);
    if (inner !== undefined) protect(inner);
  };
  return { protect, needles: () => needles, parts };
}

/** Longer secrets are tokens, and need not be searched in every form. */
const LONGEST_SPELLED = 256;

/** The forms in which a secret may appear. */
function spellings(secret: string): string[] {
  const forms = [...jsonOf(secret), ...base64Of(Buffer.from(secret))];
  if (secret.length > LONGEST_SPELLED) return [...new Set(forms)];
  const whole = secret.toWellFormed();
  const escaped = (pattern: RegExp, write: (code: number) => string) =>
    secret.replace(pattern, (character) => write(character.charCodeAt(0)));
  const hex = Buffer.from(secret).toString('hex');
  const urls = [encodeURI(whole), encodeURIComponent(whole), encodeURIComponent(encodeURIComponent(whole))];
  return [
    ...new Set([
      ...forms,
      ...base64Of(Buffer.from(secret, 'utf16le')),
      ...urls.flatMap((url) => [url, url.replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase())]),
      encodeURIComponent(whole).replaceAll('%20', '+'),
      hex.replace(/../g, '%$&'),
      hex,
      hex.toUpperCase(),
      secret.replaceAll('/', '\\/'),
      escaped(/[^\w .:;,-]/g, (code) => `\\u${code.toString(16).padStart(4, '0')}`),
      escaped(/[&<>"]/g, (code) => ENTITIES[code] as string),
      escaped(/[^\w .:;,-]/g, (code) => `&#${code};`),
      escaped(/[^\w .:;,-]/g, (code) => `&#x${code.toString(16)};`),
    ]),
  ];
}

const ENTITIES: Readonly<Record<number, string>> = { 38: '&amp;', 60: '&lt;', 62: '&gt;', 34: '&quot;' };

/** The secret itself, as JSON, and as JSON within JSON. */
function jsonOf(secret: string): string[] {
  const json = [secret];
  for (let depth = 0; depth < 4; depth++) json.push(JSON.stringify(json.at(-1)).slice(1, -1));
  return [...new Set(json)];
}

/** Base64 at any position: only the characters that do not depend on the text before and behind the secret. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const own = whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')].filter((form) => form.length >= SHORTEST);
  });
}

/** An API key of Elasticsearch is `id:key` in Base64, and messages may name the id. */
function keyIn(secret: string): string | undefined {
  if (secret.length > LONGEST_SPELLED) return undefined;
  return /^[\w-]+:([\w-]+)$/.exec(Buffer.from(secret, 'base64').toString('latin1'))?.[1];
}
