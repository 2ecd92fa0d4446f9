"""All answers to one question on one page, for a person to mark: questions, answers, the page's server."""
