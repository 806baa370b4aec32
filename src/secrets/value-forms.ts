/**
 * The forms in which programs write a text: as in JSON, with every character or only ASCII in the open, as Python shows texts and
 * bytes, as in a URL, as a form sends it, and as base64, also in the middle of something longer that is base64 as a whole.
 */

/** Every form of a text, itself among them. */
export function formsOf(text: string): ReadonlySet<string> {
  const forms = new Set([text, JSON.stringify(text).slice(1, -1)]);
  for (const form of [...escapedForms(text), ...urlForms(text), ...base64Forms(text)]) forms.add(form);
  return forms;
}

function escapedForms(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const units = json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${hex(unit.charCodeAt(0), 4)}`);
  const shown = text.replaceAll(/[\\\x00-\x1f\x7f]/g, pythonEscape);
  const ascii = text.replaceAll(/[\\\x00-\x1f]|[^\x00-\x7e]/gu, pythonEscape);
  const bytes = Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[\\\x00-\x1f\x7f-\xff]/g, pythonEscape);
  const python = [shown, ascii, bytes];
  // Python escapes the quote only where it cannot do without.
  return [units, units.replaceAll(/\\u[0-9a-f]{4}/g, (found) => `\\u${found.slice(2).toUpperCase()}`), ...python, ...python.map(withQuotesEscaped)];
}

function withQuotesEscaped(text: string): string {
  return text.replaceAll("'", "\\'");
}

const shortEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function pythonEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return shortEscapes[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

function urlForms(text: string): readonly string[] {
  // Half a character has no such form.
  if (!text.isWellFormed()) return [];
  const component = encodeURIComponent(text);
  const strict = component.replaceAll(/[!'()*]/g, (sign) => `%${hex(sign.charCodeAt(0), 2).toUpperCase()}`);
  const forms = [component, strict, strict.replaceAll('%2F', '/'), new URLSearchParams({ '': text }).toString().slice(1)];
  return [...forms, ...forms.map((form) => form.replaceAll(/%[0-9A-F]{2}/g, (found) => found.toLowerCase()))];
}

/** As a whole, and as it looks after one or two bytes of something else: those characters that only its own bits make. */
function base64Forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const forms = [bytes.toString('base64')];
  for (const before of [0, 1, 2]) {
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    forms.push(whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)));
  }
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
}
