package diag

// jobCodes are about jobs that many processes do.
func jobCodes() []Entry {
	return []Entry{
		{
			Code: "Q450", Class: Usage,
			Title:   "no such job",
			Explain: "A job is named by the folder of its log, which lies in _quern/jobs under the folder of its outputs. There is none at this place, or it was never begun.",
			Next:    "quern jobs FOLDER lists the jobs of a folder.",
		},
		{
			Code: "Q451", Class: BadData,
			Title:   "shards failed",
			Explain: "Shards of the job can never be done: their rows cannot be read, or the recipe cannot take a value in them. The job's log says so, so that no engine tries them again.",
			Next:    "Repair what the message names, or leave such shards out with --allow-failed-shards. A job whose failures are recorded is begun anew with --overwrite.",
		},
		{
			Code: "Q452", Class: Usage,
			Title:   "outputs without a common folder",
			Explain: "The outputs of a job that many processes do are published from one log, which lies in the folder that holds them all. These have none, or are in different stores.",
			Next:    "Put the outputs side by side in one folder.",
		},
		{
			Code: "Q453", Class: Usage,
			Title:   "not possible with many processes",
			Explain: "What was asked for works in one process only.",
			Next:    "Leave out --procs, or the flag that the message names.",
		},
		{
			Code: "Q454", Class: Failed,
			Title:   "damaged job",
			Explain: "A record of the job's log, or a file that it vouches for, is not what was written, or was written by a version of quern that this one does not understand.",
			Next:    "Begin the job anew with --overwrite, with one version of quern on all machines.",
		},
		{
			Code: "Q455", Class: Unavailable,
			Title:   "job that did not end",
			Explain: "Workers or the coordinator gave up before the job was done: they died too often, were stopped, or could not reach the store. What is committed stays committed.",
			Next:    "See to what the message says, then run the same command again: it does only what is missing.",
		},
		{
			Code: "Q456", Class: Unavailable,
			Title:   "coordinator that cannot serve",
			Explain: "A coordinator listens at an address, which may be taken or be none of this machine's, and speaks to other machines by certificates only, whose files may be missing or damaged.",
			Next:    "Give another --listen, or good files with --tls-cert, --tls-key and --tls-ca; without them only this machine, 127.0.0.1, can be served.",
		},
	}
}
