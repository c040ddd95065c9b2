"""From a commit to every pod: notice, coalesce, rebuild, fan out, tell Wix. One engine, whoever runs it."""
