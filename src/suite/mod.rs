//! From a path to linked documents: finding the suite file, finding the scenario files that it names, reading
//! them side by side.
