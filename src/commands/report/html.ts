/** Text and numbers become HTML only here: whatever a vendor or a sink said is escaped. */

/** What is HTML already. */
export interface Html {
  readonly html: string;
}

type Value = string | number | undefined | Html | readonly Html[];

/** Escapes every value that is not HTML itself. */
export function html(texts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { html: texts.reduce((whole, text, index) => whole + shown(values[index - 1]) + text) };
}

function shown(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return 'html' in value ? value.html : value.map((one) => one.html).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
