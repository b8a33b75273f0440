import en from '../locales/en.json'
import locales from 'locales:all'
import { signal } from './signal.ts'

// A Key names a text of the page.
export type Key = keyof typeof en

type Values = Record<string, string | number>

// language is the tag of the language that is shown.
export const language = signal('en')

let table: Record<string, string> = en
let plural = new Intl.PluralRules('en')
let number = new Intl.NumberFormat('en')

// languages are those that can be chosen.
export const languages = locales.map(({ tag, name }) => ({ tag, name }))

// region returns the browser's own variant of a language, such as en-IN, by which numbers are grouped.
function region(tag: string): string {
  const own = navigator.languages.find((l) => l === tag || l.startsWith(tag + '-'))
  return own ?? (tag === 'hi' ? 'hi-IN' : tag)
}

// use shows the page in a language, and remembers it.
export async function use(tag: string): Promise<void> {
  const found = locales.find((l) => l.tag === tag) ?? locales.find((l) => l.tag === 'en')
  if (!found) return
  table = found.tag === 'en' ? en : { ...en, ...(await found.load()).default }
  plural = new Intl.PluralRules(found.tag)
  number = new Intl.NumberFormat(region(found.tag))
  document.documentElement.lang = found.tag
  localStorage.setItem('dhr.language', found.tag)
  language.set(found.tag)
}

// preferred is the language that was chosen before, or else the browser's, if there is a table of it.
export function preferred(): string {
  const wanted = [localStorage.getItem('dhr.language'), ...navigator.languages.map((l) => l.split('-')[0] ?? l)]
  return wanted.find((w) => locales.some((l) => l.tag === w)) ?? 'en'
}

function fill(text: string, values?: Values): string {
  if (!values) return text
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const v = values[name]
    return v === undefined ? whole : typeof v === 'number' ? count(v) : v
  })
}

// t returns a text, with values in the places of their {names}.
export function t(key: Key, values?: Values): string {
  return fill(table[key] ?? key, values)
}

// tn is t for a text that differs by a number: key.one, key.other and what else the language has.
export function tn(key: string, n: number, values?: Values): string {
  const text = table[`${key}.${plural.select(n)}`] ?? table[`${key}.other`] ?? key
  return fill(text, { n, ...values })
}

// known returns a text whose name is made of a word from the server, or the word itself if there is none.
export function known(prefix: string, word: string): string {
  return table[`${prefix}.${word}`] ?? word
}

// count writes a whole number with the groups of the language.
export function count(n: number): string {
  return number.format(n)
}

// decimal writes a number, as it is written, with the groups of the language: digits behind the point stay what they are.
export function decimal(text: string): string {
  const m = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  if (!m) return text
  const point = number.formatToParts(1.5).find((p) => p.type === 'decimal')?.value ?? '.'
  return m[1] + number.format(BigInt(m[2] ?? '0')) + (m[3] ? point + m[3] : '')
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const

// bytes writes a size for people.
export function bytes(n: number): string {
  let i = 0
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000
    i++
  }
  const digits = i === 0 || n >= 100 ? 0 : 1
  return `${new Intl.NumberFormat(region(language.get()), { maximumFractionDigits: digits }).format(n)} ${units[i]}`
}

// instant writes an instant in a zone for people.
export function instant(text: string, zone: string): string {
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) return text
  return new Intl.DateTimeFormat(region(language.get()), { dateStyle: 'medium', timeStyle: 'short', timeZone: zone }).format(at)
}
