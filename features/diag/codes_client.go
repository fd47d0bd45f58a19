package diag

// clientCodes lists Q693 to Q695: calls of a feature server that did not get an answer.
func clientCodes() []Entry {
	return []Entry{
		{"Q693", Unavailable, "feature server that does not answer",
			"The client could not reach the server, or the connection broke before the reply was whole, also when it was tried again.",
			"Look whether the server runs, and whether the address is its own: curl ADDRESS/health answers 200."},
		{"Q694", BadData, "reply of a feature server that cannot be read",
			"What came back is not what the call is answered with: something else listens at the address, a proxy changed the reply, or the server is of another version.",
			"Ask with curl what answers at the address, and compare the versions of client and server."},
		{"Q695", Usage, "call of a feature server that makes no sense",
			"The call was not made: its columns have different lengths, one is missing, a value cannot be had in the type that was asked for, or the address would give the token away.",
			"Correct the call as the message says."},
	}
}
