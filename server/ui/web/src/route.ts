import { signal } from './signal.ts'

// A Route is where the page is. It stands behind the # of the address, which no server or proxy is told: a question may name persons.
export interface Route {
  path: string
  params: URLSearchParams
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s)
  return { path: path || 'home', params: new URLSearchParams(query) }
}

// route is where the page is.
export const route = signal<Route>(read())

addEventListener('hashchange', () => route.set(read()))

// address returns the link to a place, without the parameters that are empty.
export function address(path: string, params: Record<string, string | string[] | undefined> = {}): string {
  const q = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    const text = Array.isArray(value) ? value.join(',') : value
    if (text) q.set(name, text)
  }
  const query = q.toString()
  return `#/${path}${query ? '?' + query : ''}`
}

// go moves the page to a place, as a new step of the history or in the place of this one.
export function go(to: string, replace = false): void {
  if (to === location.hash) return
  if (!replace) {
    location.hash = to
    return
  }
  history.replaceState(null, '', to)
  route.set(read())
}

// list takes a parameter with commas apart.
export function list(params: URLSearchParams, name: string): string[] {
  return (params.get(name) ?? '').split(',').filter((s) => s !== '')
}
