"""A lane for `GET /routes` in front of aiohttp's parser (docs/decisions/0056).

`heads` reads, `routes_lane` decides with the functions that the handler uses, `moment` writes the head of the answer,
`body_file` sends large bodies, `protocol` is one connection, `parser_position` says when the lane may answer on it
again.
"""
