-- @step quick
SELECT 1;
