-- Called by detection.beside: take the rows of this version of the detector (Own) or those of all others out of a staging table.
DELETE FROM {stage:Identifier} WHERE (Detector = {detector:String}) = {own:Bool}
