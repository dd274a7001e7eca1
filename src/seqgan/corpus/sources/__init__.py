"""Known corpora: how their archives are got, checked and read in place."""
