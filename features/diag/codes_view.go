package diag

// viewCodes lists Q660 to Q669: versions of views in a store.
func viewCodes() []Entry {
	return []Entry{
		{
			Code: "Q660", Class: Usage,
			Title:   "model that cannot be published",
			Explain: "A view is looked up by the key of an entity. The recipe of this model names none, so nobody could ask for its rows. Or a name given to the view cannot name a folder.",
			Next:    "Add `key: [COLUMN]` to the recipe and fit it again, or give the view a name of letters, digits, -, _ and dots.",
		},
		{
			Code: "Q661", Class: Failed,
			Title:   "new version too different from the one that is served",
			Explain: "Before a version is served it is compared with the one before: how many rows it has, how often each feature is null, and where the middle of its numbers lies. A jump in these is more often a broken source than a changed world. Nothing was published.",
			Next:    "Look at the source. If the change is right, publish again with --force.",
		},
		{
			Code: "Q662", Class: BadData,
			Title:   "version that is damaged",
			Explain: "A record of a view, or a file that it names, is not what quern wrote: bytes are missing or changed, or their digests do not agree. Nothing of it is served.",
			Next:    "Roll back to the version before (quern views rollback), or publish the view again.",
		},
		{
			Code: "Q663", Class: Failed,
			Title:   "somebody else changed the view",
			Explain: "Two commands wanted to say which version of a view is served. One won; this is the other. What is served is whole, and it is the winner's.",
			Next:    "See what is served now (quern views), then repeat the command if it is still wanted.",
		},
		{
			Code: "Q664", Class: Usage,
			Title:   "no such view or version",
			Explain: "The store holds no view of this name, or the view has no such version: nothing is staged to be promoted, there is nothing to roll back to, or the version was removed.",
			Next:    "`quern views --store DIR` lists what there is.",
		},
		{
			Code: "Q665", Class: Failed,
			Title:   "published rows differ from the model's",
			Explain: "A sample of rows was computed again, one by one, and looked up in the new version. The bits differ, so the version is wrong. This is a fault of quern or of the machine, not yours. Nothing was published.",
			Next:    "Run the command again; if it fails again, check the machine's memory and report the model and the message.",
		},
		{
			Code: "Q666", Class: Unavailable,
			Title:   "view cannot be written or read",
			Explain: "The store, or the folder for temporary files, refused to write or read what a version of a view is made of. What was served before is still served.",
			Next:    "Look at the reason that the message gives: space, permissions, the network. Then run the command again.",
		},
		{
			Code: "Q667", Class: Usage,
			Title:   "online block that cannot be served",
			Explain: "The key `online` of a recipe says how its features are served: how long a row is fresh (ttl) and which features are asked for together (services). A service may name only features that the recipe makes; a ttl needs the column of the event time; and rows are looked up by a key, of integers, strings, bools, days or times.",
			Next:    "Correct the name, or add `key: [COLUMN]` and `time: COLUMN` to the recipe.",
		},
	}
}
