// Package process makes exports: a question goes in, finished files come out, in the background.
package process
