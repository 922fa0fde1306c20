# Gray's test of equal cumulative incidence on mgus2 (progression 1, death 2), by sex and by age: R, package cmprsk.
# Usage: Rscript gray.R FOLDER   (the folder that holds ref_mgus2.csv.gz); prints JSON to stdout.
suppressPackageStartupMessages(library(cmprsk))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
data <- read.csv(gzfile(file.path(folder, "ref_mgus2.csv.gz")))
data$time <- ifelse(data$pstat == 1, data$ptime, data$futime)
data$cause <- ifelse(data$pstat == 1, 1, 2 * data$death)
data$band <- cut(data$age, c(0, 60, 70, 80, 200), labels = c("a", "b", "c", "d"))

told <- function(rows, group) {
  tests <- cuminc(rows$time, rows$cause, group, rho = 0)$Tests
  list(causes = rownames(tests), chi2 = unname(tests[, "stat"]), p = unname(tests[, "pv"]), df = unname(tests[, "df"]))
}
early <- data[data$time <= 60, ]  # short times, many ties
figures <- list(sex = told(data, data$sex), band = told(data, data$band), band_early = told(early, early$band))
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
