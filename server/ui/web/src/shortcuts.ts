// Shortcuts are keys that do something wherever the focus is, but in a field for text or a dialog.
type Shortcuts = Record<string, () => void>

const all = new Set<Shortcuts>()
let before = ''

function typing(e: KeyboardEvent): boolean {
  const at = e.composedPath()[0]
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName))
}

addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e) || document.querySelector('dialog[open]')) return
  const key = before + e.key
  before = e.key === 'g' && before === '' ? 'g ' : ''
  for (const s of all) {
    const f = s[key]
    if (f) {
      e.preventDefault()
      f()
      return
    }
  }
})

// onShortcut has keys, or two after each other as in "g a", do something until the function that it returns is called.
export function onShortcut(s: Shortcuts): () => void {
  all.add(s)
  return () => { all.delete(s) }
}
