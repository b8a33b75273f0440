// Package jql is the query language of DHR: Jira's JQL, asked of health
// records instead of issues.
//
//	diagnosis ~ "dengue fever" AND age >= 60 AND district IN (Pune, Thane) ORDER BY visited DESC
//
// [Parse] turns text into a [Query], a tree in which every node knows its place in
// the text; [Query.String] turns it back into text. Tens of thousands of recorded
// answers of Atlassian's own parser hold the two together, see testdata/reference.
//
// # The language
//
// A query is a condition, an ORDER BY, both or neither. An empty query matches
// every record. Conditions are joined by AND and OR, of which AND binds tighter,
// turned around by NOT and grouped by round brackets. A condition names a field,
// an operator and mostly an operand:
//
//	age >= 60                              also =  !=  <  <=  >  with a value or a function
//	diagnosis ~ "dengue fever"             text that contains, and !~ for text that does not
//	district IN (Pune, "New Delhi")        also NOT IN; a list, or a function that returns one
//	phone IS EMPTY                         also IS NOT; NULL is another word for EMPTY
//	created > startOfMonth(-1)             functions take words, strings and numbers
//	status WAS open BY asha AFTER -2w      also WAS NOT, WAS IN, WAS NOT IN
//	status CHANGED FROM open TO closed     with AFTER, BEFORE, ON, DURING, BY, FROM and TO
//
// Keywords are written in any case. A word needs no quotation marks unless it
// contains a blank or one of the signs
//
//	= ! < > ( ) ~ , [ ] | & { } * / % + ^ $ # @ ? ; ' " \
//
// or is one of the 20 keywords or 159 reserved words. Quotation marks are double
// or single. In a word as in quotes \t \n \r \" \' \\, a backslash with a blank, and
// \uXXXX are escapes. A bare whole number is a number, everything else is a string.
//
// # Dialects
//
// The DHR dialect, the default, differs from Atlassian's published grammar, which
// [ParseOptions] can ask for, in two ways. It takes the reserved words as names of
// fields, since health records have fields like date, user and group. And it refuses
// what that grammar accepts but a user cannot have meant: numbers beyond 64 bits,
// blank names of fields and functions, the paths of properties that Jira's server
// refuses, and, outside of quotation marks, no-break spaces, byte order marks and
// typographic quotation marks, which are letters to Jira. Canonical text is right in both dialects.
//
// # Errors
//
// A query that cannot be read is answered by an [ErrorList]. An [Error] has a
// message in Jira's words, the place, what was found, what could have stood there, and
// where there is one a cure. [Error.Caret] shows it:
//
//	1:23: Expecting an operator but got 'sixty'. The valid operators are ...
//	 | status = open AND age sixty
//	 | ......................^^^^^
//
// Any bytes may be parsed. Length, depth and size are limited, so that no text
// exhausts the memory or the stack.
//
// # Building queries
//
// Never paste a value into the text of a query. [Bind] puts values into the tree of
// a query, where nothing in them can be taken for language; [Cond] makes a
// condition whose field and operator are values too; [Query.And] and [Query.Or] join
// queries, for example that of a user with that of what the user may see. Where text
// must be put together after all, [Quote] is right for every string.
//
// # Meaning
//
// A tree says nothing about fields that exist or times that are meant. Resolving a
// query against a schema, a clock, a time zone and a set of functions gives it its
// meaning, a plan, and that is all that an engine ever sees; see package plan. What is
// wrong with the meaning is said by errors of the same form as what is wrong with
// the text.
package jql
