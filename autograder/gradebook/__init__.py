"""nbgrader's gradebook and the pages about graded notebooks; nothing else writes the database."""
