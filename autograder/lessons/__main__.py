"""`python -m autograder.lessons`: make the texts for review anew from the master notebooks."""

from autograder.lessons import ROOT, write_texts

for path in write_texts():
    print(path.relative_to(ROOT))
