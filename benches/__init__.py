"""The asv suite. asv imports every module here, so each must import with asv and fastgrad alone."""
