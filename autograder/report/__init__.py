"""The report on a class: what it solved and believes, what waits for a person, what to teach again."""
