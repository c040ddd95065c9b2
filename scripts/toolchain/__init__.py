"""The programs and packages that scripts, tests and load tests build or fetch once: Node, npm, Go, Debian."""
