"""From a commit to every pod: notice, coalesce, rebuild, fan out, tell Wix. All commands run the same engine."""
