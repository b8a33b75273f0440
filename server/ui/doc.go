// Package ui is the web page of DHR: asking in JQL, saved filters, dashboards, exports and the audit, for people.
//
// The page is a program that runs in the browser and talks to the API over HTTP alone, with the rights of
// whoever signs in: it can do nothing that a client of the API could not. It loads nothing from elsewhere, runs under
// a strict Content-Security-Policy, and works under any path.
//
//	mux.Handle("/", ui.Handler(&ui.Options{Base: "/health-reports"}))
//
// # Building
//
// Its sources are in web: TypeScript, Preact, CodeMirror and gridstack, bundled by esbuild. What is bundled is committed in dist and
// embedded, so that the server needs Go alone. Whoever changes the sources runs
//
//	go generate ./server/ui
//
// which needs Node and npm. .ci/ui proves that dist is what the sources make, and tests the page in a browser.
//
// # Languages
//
// Every text is in web/locales, a JSON file for each language; a file that is added there is a language that can be chosen.
// What it leaves out is in English.
package ui
