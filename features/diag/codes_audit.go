package diag

// auditCodes lists Q685 to Q692: what was served, checked and watched.
func auditCodes() []Entry {
	return []Entry{
		{
			Code: "Q685", Class: Failed,
			Title:   "served features differ from those computed offline",
			Explain: "quern audit computed the features of logged rows again, from the source that their version was made of, by the model's own program. Some of what was served is not that, bit for bit. The report names the features, and the first key of each.",
			Next:    "Look the key up (quern get VIEW@VERSION KEY=VALUE): if the store has the wrong value, publish the view again and report it; if not, look at what stands between the server and its log.",
		},
		{
			Code: "Q686", Class: BadData,
			Title:   "file that is no log of served features",
			Explain: "A file in the folder has the name of a log's, but not its columns, or rows of several versions. Files of a log appear whole, so something else changed it.",
			Next:    "Move the file away and run the audit again.",
		},
		{
			Code: "Q687", Class: Unavailable,
			Title:   "log of served features cannot be written",
			Explain: "The folder of --log-features cannot be made, or no file can be made in it. The server does not start, because what was asked for would be missing without anybody noticing.",
			Next:    "Look at the reason that the message gives: space, permissions. Or start the server without --log-features.",
		},
		{
			Code: "Q688", Class: Usage,
			Title:   "wrong choice for the log of served features",
			Explain: "The share of the keys that are logged is more than 0 and at most 1; times and sizes are not negative.",
			Next:    "Correct the flag: --log-sample 0.01 is one key in a hundred.",
		},
		{
			Code: "Q689", Class: Usage,
			Title:   "traces that cannot be sent",
			Explain: "--trace names an OpenTelemetry collector that takes OTLP over HTTP, and --trace-sample a share of the requests from 0 to 1.",
			Next:    "Write --trace http://HOST:4318; most collectors listen on that port.",
		},
		{
			Code: "Q690", Class: Usage,
			Title:   "nothing to audit",
			Explain: "The folder has no files of a log of served features.",
			Next:    "Give the folder of `quern serve --log-features DIR`. Files appear once they are some minutes old, and when the server stops.",
		},
	}
}
