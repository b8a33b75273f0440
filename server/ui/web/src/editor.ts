import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion, type CompletionContext, type CompletionResult, completionStatus, moveCompletionSelection, selectedCompletion } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { Compartment, EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder, tooltips } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { call, type Complaint } from './api.ts'
import { known, t } from './i18n.ts'
import { next, points, start, units, type State } from './jql.ts'

// An Editor is the field for a query.
export interface Editor {
  text(): string
  setText(text: string): void
  focus(): void
  // hint shows what can be asked as long as nothing is.
  hint(text: string): void
  // complain underlines what is wrong.
  complain(errors: Complaint[]): void
  // cure puts what is suggested in the place of a mistake.
  cure(c: Complaint): void
  close(): void
}

export interface Host {
  run(text: string): void
  changed(text: string): void
  indexes(): string[]
}

const styles: Record<string, string> = {
  field: 'propertyName', operator: 'operator', keyword: 'keyword', function: 'macroName', string: 'string', number: 'number', value: 'string', bracket: 'bracket', bad: 'invalid',
}

const language = StreamLanguage.define<State>({
  name: 'jql',
  startState: start,
  copyState: (s) => ({ ...s }),
  token(stream, state) {
    if (stream.eatSpace()) return null
    const one = next(stream.string, stream.pos, state)
    stream.pos = one.to
    return styles[one.kind] ?? null
  },
})

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--jql-field)' },
  { tag: tags.operator, color: 'var(--jql-operator)' },
  { tag: tags.keyword, color: 'var(--jql-keyword)', fontWeight: '600' },
  { tag: tags.macroName, color: 'var(--jql-function)' },
  { tag: tags.string, color: 'var(--jql-string)' },
  { tag: tags.number, color: 'var(--jql-number)' },
  { tag: tags.invalid, color: 'var(--bad)' },
])

const theme = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--page)', border: '1px solid var(--edge)', borderRadius: '8px', fontSize: '1rem' },
  '&.cm-focused': { outline: '3px solid var(--focus)', outlineOffset: '1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.6', maxHeight: '30vh' },
  '.cm-content': { padding: '.55rem .25rem', caretColor: 'var(--ink)', minHeight: '1.6rem' },
  '.cm-placeholder': { color: 'var(--quiet)' },
  '.cm-tooltip': { backgroundColor: 'var(--page)', color: 'var(--ink)', border: '1px solid var(--edge)', borderRadius: '8px', boxShadow: 'var(--shadow)', overflow: 'hidden' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '40vh' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '.3rem .6rem', lineHeight: '1.4' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { fontFamily: 'var(--sans)', fontStyle: 'normal', opacity: '.8', marginLeft: '1rem' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-diagnostic': { fontFamily: 'var(--sans)', padding: '.5rem .7rem' },
  '.cm-diagnosticAction': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)', borderRadius: '6px', padding: '.2rem .6rem', font: 'inherit' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad) 1.5px', textUnderlineOffset: '3px' },
  '.cm-lintPoint-error:after': { borderBottomColor: 'var(--bad)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--hover)', outline: '1px solid var(--edge)' },
})

async function complete(context: CompletionContext, host: Host): Promise<CompletionResult | null> {
  const text = context.state.doc.toString()
  if (!context.explicit && text.trim() === '') return null
  const stop = new AbortController()
  context.addEventListener('abort', () => stop.abort())
  interface Item { text: string; kind: string; detail?: string; replace: { offset: number; length: number } }
  let items: Item[]
  try {
    const body = { jql: text, cursor: points(text, context.pos), allowed_indexes: host.indexes() }
    items = (await call<{ items: Item[] }>('v1/jql/complete', { method: 'POST', body, signal: stop.signal })).items
  } catch {
    return null // what helps with typing must not get in its way
  }
  const first = items[0]
  if (!first) return null
  const from = units(text, first.replace.offset)
  const to = units(text, first.replace.offset + first.replace.length)
  if (!context.explicit && items.length === 1 && text.slice(from, to) === first.text) return null
  const options: Completion[] = items.map((i, n) => ({
    label: i.text, type: i.kind, detail: i.detail ?? (i.kind === 'value' ? '' : known('kind', i.kind)), boost: 99 - n,
    apply: (view, _, start, end) => {
      const insert = i.text + (text[end] === ' ' || i.kind === 'function' ? '' : ' ')
      view.dispatch({ changes: { from: start, to: Math.max(end, to), insert }, selection: { anchor: start + insert.length }, userEvent: 'input.complete' })
    },
  }))
  return { from, options, filter: false }
}

// accept takes the proposal that is chosen, or the first.
function accept(view: EditorView): boolean {
  if (completionStatus(view.state) !== 'active') return false
  if (!selectedCompletion(view.state)) moveCompletionSelection(true)(view)
  return acceptCompletion(view)
}

function diagnostics(view: EditorView, errors: Complaint[], cure: (c: Complaint) => void): Diagnostic[] {
  const text = view.state.doc.toString()
  return errors.filter((e) => e.offset !== undefined).map((e) => {
    const from = units(text, e.offset ?? 0)
    const to = units(text, (e.offset ?? 0) + (e.length ?? 0))
    const d: Diagnostic = { from: Math.min(from, text.length), to: Math.min(to, text.length), severity: 'error', message: e.message }
    if (e.suggestion) d.actions = [{ name: t('ask.use', { what: e.suggestion }), apply: () => cure(e) }]
    return d
  })
}

// open makes an editor in an element. It lives in a shadow tree, where its styles need no exception from the page's policy.
export function open(parent: HTMLElement, text: string, label: string, host: Host): Editor {
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: 'open', delegatesFocus: true })
  const run = (view: EditorView) => {
    host.run(view.state.doc.toString())
    return true
  }
  const hint = new Compartment()
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(keymap.of([
          { key: 'Tab', run: accept },
          { key: 'Mod-Enter', run },
          { key: 'Enter', run: (v) => selectedCompletion(v.state) ? false : run(v) },
        ])),
        history(), bracketMatching(), closeBrackets(), language, syntaxHighlighting(colours), theme,
        autocompletion({ override: [(c) => complete(c, host)], selectOnOpen: false, icons: false, activateOnTypingDelay: 120, maxRenderedOptions: 60 }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
        tooltips({ position: 'absolute' }),
        EditorView.lineWrapping,
        hint.of(placeholder(t('ask.placeholder'))),
        EditorView.contentAttributes.of({ 'aria-label': label, 'aria-multiline': 'true', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
        EditorView.updateListener.of((u) => { if (u.docChanged) host.changed(u.state.doc.toString()) }),
      ],
    }),
  })
  // The list of proposals scrolls: whoever has no mouse must reach it, although the keys of the editor move in it, too.
  const lists = new MutationObserver(() => { for (const ul of root.querySelectorAll<HTMLElement>('.cm-tooltip-autocomplete > ul')) ul.tabIndex = 0 })
  lists.observe(root, { childList: true, subtree: true })
  const cure = (c: Complaint) => {
    const now = view.state.doc.toString()
    const from = units(now, c.offset ?? 0)
    const to = units(now, (c.offset ?? 0) + (c.length ?? 0))
    const insert = c.suggestion ?? ''
    view.dispatch({ changes: { from, to, insert }, selection: { anchor: from + insert.length }, userEvent: 'input' })
    view.focus()
  }
  return {
    text: () => view.state.doc.toString(),
    setText(next) {
      const old = view.state.doc.toString()
      if (old !== next) view.dispatch({ changes: { from: 0, to: old.length, insert: next }, selection: { anchor: next.length } })
    },
    focus: () => view.focus(),
    hint: (what) => view.dispatch({ effects: hint.reconfigure(placeholder(what)) }),
    complain: (errors) => view.dispatch(setDiagnostics(view.state, diagnostics(view, errors, cure))),
    cure,
    close() {
      lists.disconnect()
      view.destroy()
    },
  }
}
