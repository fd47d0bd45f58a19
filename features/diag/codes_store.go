package diag

// storeCodes are about object stores, which sources are read from and outputs written to.
func storeCodes() []Entry {
	return []Entry{
		{
			Code: "Q440", Class: Usage,
			Title:   "address of no store",
			Explain: "What is written as SCHEME://... names an object store. Only s3://BUCKET/FOLDER is known, whose bucket is a name of 3 to 63 small letters, digits, dots and hyphens, and whose folder has no empty parts, no . and no .. in it.",
			Next:    "Correct the address, or give a path of the local disk.",
		},
		{
			Code: "Q441", Class: Unavailable,
			Title:   "bucket that is not there",
			Explain: "The object store says that it has no bucket of this name, or that the bucket is in another region. quern makes no buckets.",
			Next:    "Check the name, AWS_REGION, and, for a store that is not Amazon's, AWS_ENDPOINT_URL; make the bucket if it is missing.",
		},
		{
			Code: "Q442", Class: Unavailable,
			Title:   "object store denies access",
			Explain: "The object store does not accept the key, or the key may not do this. Keys are looked for in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in ~/.aws/credentials (AWS_PROFILE chooses), and with the machine's role. Sources need s3:GetObject and s3:ListBucket; outputs s3:PutObject, s3:AbortMultipartUpload and s3:DeleteObject too.",
			Next:    "Check which key is used and what it may do; `quern doctor store URI` tries everything that a run needs.",
		},
		{
			Code: "Q443", Class: Unavailable,
			Title:   "clocks too far apart",
			Explain: "Requests to an object store are signed with the time, and the store refuses those that are more than 15 minutes off.",
			Next:    "Set the machine's clock, best by NTP.",
		},
		{
			Code: "Q444", Class: Unavailable,
			Title:   "store in which outputs are not safe",
			Explain: "Of several writers of one name exactly one must win: by link(2) on local disks, by If-None-Match on object stores, for single uploads and for those in parts; and what was written must be read and listed as it is. This store refuses such requests or does not keep to them, so two runs could mix their parts.",
			Next:    "Write to another store, or update this one; `quern doctor store URI` shows what it lacks. Reading from it is safe.",
		},
		{
			Code: "Q445", Class: Unavailable,
			Title:   "object store does not answer",
			Explain: "The object store could not be reached, refused the request, or answered with errors of its own, and went on doing so when it was asked again for some time.",
			Next:    "Check the address (AWS_ENDPOINT_URL), the network and the store, then run the same command again: what is finished stays.",
		},
		{
			Code: "Q446", Class: Unavailable,
			Title:   "upload whose outcome is not known",
			Explain: "The object store did not say whether an object was stored, and could not be asked afterwards. It is there whole or not at all. Nothing was removed, because it may be there.",
			Next:    "Run the same command again: it finds what is there and goes on.",
		},
	}
}
