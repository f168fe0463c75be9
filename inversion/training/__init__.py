"""What is learnt off the box: models fitted to labelled recordings of the user's own machine."""
