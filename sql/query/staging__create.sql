-- Called by detection.staging: an empty table in the form of another. Identifiers of our own making: the server takes no parameters here.
CREATE TABLE ${stage} AS ${table}
