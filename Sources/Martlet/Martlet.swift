// What a user of the library imports.
@_exported import MartletCore
@_exported import MartletData
@_exported import MartletModels
@_exported import MartletNN
@_exported import MartletTraining
