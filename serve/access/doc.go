// Package access says who may do what: who is known, by bearer tokens and client
// certificates, which views, columns and models each may use, and how fast.
//
//	file --ReadTokens--> Tokens --Whose(request)--> Grant --With--> context --MayRead, Charge, ...--> nil, or why not
//
// What is not granted is denied. A Grant has a Right when it is granted something of that
// kind, which is known before a request is read. Which view, column or model is asked for is
// known once it has been: MayRead, MayWrite and MayTransform decide that, for the caller whom
// the context names. Where it names nobody they deny everything; a server that lets everybody
// in does not ask them.
//
// # Patterns
//
// A pattern is a VIEW or a MODEL, VIEW:FEATURE for one of its features, or ends in * for all
// that begin so; both parts may. Rows are pushed whole, so a pattern of columns grants no push.
//
// # Rates
//
// A caller may have a rate of requests and one of keys, each a token bucket of a second's
// worth. A bucket is one number, the moment when its debt is paid, so a request larger than
// the bucket passes, and is paid for later.
//
// # Files
//
// Files of tokens and certificates are read again while a server runs (Follow). One that
// cannot be used is refused, logged once, and the old one goes on. Each call of Whose asks
// what holds now, so who is taken out of the file is out with the next request; a rate goes on
// where it was. Tokens are found by their digest, so the time that it takes tells nothing of
// them.
package access
