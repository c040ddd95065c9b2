"""`make generate`: writes the files that follow from the code: reference pages, chart, CRD, OpenAPI."""
