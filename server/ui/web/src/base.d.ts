declare module 'locales:all' {
  const all: { tag: string; name: string; load: () => Promise<{ default: Record<string, string> }> }[]
  export default all
}
